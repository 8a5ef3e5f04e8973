import { render } from "preact";
import { App } from "./app.tsx";
import { takeToken } from "./join-token.ts";
import "./style.css";

const token = takeToken();
document.body.dataset["state"] = token === undefined ? "no-token" : "connecting";
render(<App token={token} />, document.querySelector("#app")!);
