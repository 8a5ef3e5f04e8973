#!/usr/bin/env node
import { runNodeJs } from "@bufbuild/protoplugin";
import { contractsPlugin } from "./contracts-plugin.ts";

runNodeJs(contractsPlugin);
