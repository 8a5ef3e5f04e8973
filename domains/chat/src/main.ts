import { runChat } from "./run-chat.ts";

await runChat(process.env);
