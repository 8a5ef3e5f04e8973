export { type OutboxPlaceName, unsentOf, unsentStatement } from "./unsent.ts";
export {
  BoolColumn,
  ByteaColumn,
  Int2Column,
  Int4Column,
  Int8Column,
  TextColumn,
  UuidColumn,
} from "./array-column.ts";
export {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  readInt8Array,
  textArray,
  uuidArray,
} from "./binary-array.ts";
export {
  type ConnectionSettings,
  dropConnection,
  openConnection,
  openPool,
  withConnection,
} from "./connection.ts";
export {
  detailOf,
  isContentRefusal,
  isOutage,
  isServerRefusal,
  isStatementFailure,
  sqlStateOf,
  worldState,
} from "./errors.ts";
export {
  auditorRole,
  checkSchemaVersion,
  groupRoles,
  migrate,
  type MigrateOptions,
  ownerRole,
  SchemaVersionError,
  loginOf,
  serviceRoles,
  supportRole,
} from "./migrate.ts";
export type { Client as PgClient, Pool as PgPool, PoolClient as PgPoolClient } from "pg";
