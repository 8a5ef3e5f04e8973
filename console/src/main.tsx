import { render } from "preact";
import { App } from "./app.tsx";
import { readKeyLabels } from "./map/key-labels.ts";
import { beginStage } from "./stage.ts";
import "./style.css";
import "./panel.css";

// Another address pasted over this one changes the part behind # only, which loads nothing by itself.
addEventListener("hashchange", () => {
  if (location.hash.includes("token=")) location.reload();
});
beginStage();
void readKeyLabels();
render(<App />, document.querySelector("#app")!);
