// Command ferretdb is the stand-in for MongoDB on machines where no mongod can be had:
// FerretDB's documented embedding package in front of a PostgreSQL instance of its own.
//
// Its configuration comes from the environment:
//
//	FERRETDB_LISTEN          host:port to listen on
//	FERRETDB_POSTGRESQL_URL  the database that holds the documents; without a user in it,
//	                         clients give theirs (authMechanism=PLAIN)
//
// It runs until SIGTERM or SIGINT.
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	// Level warn prints every refused command, and a refused insert is an ordinary answer.
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))

	server, err := ferretdb.New(&ferretdb.Config{
		Logger:        logger,
		Listener:      ferretdb.ListenerConfig{TCP: os.Getenv("FERRETDB_LISTEN")},
		Handler:       "postgresql",
		PostgreSQLURL: os.Getenv("FERRETDB_POSTGRESQL_URL"),
	})
	if err != nil {
		log.Fatalf("ferretdb: %v", err)
	}

	if err := server.Run(ctx); err != nil {
		log.Fatalf("ferretdb: %v", err)
	}
}
