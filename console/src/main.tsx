import { render } from "preact";
import { App } from "./app.tsx";
import { takeToken } from "./join-token.ts";
import "./style.css";

const token = takeToken();
document.body.dataset["state"] = token === undefined ? "no-token" : "connecting";
// Another address pasted over this one changes the part behind # only, which loads nothing by itself.
addEventListener("hashchange", () => {
  if (location.hash.includes("token=")) location.reload();
});
render(<App token={token} />, document.querySelector("#app")!);
