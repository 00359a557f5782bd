// Runs solc-js in place of a native solc (for py-solc-x, brownie, forge): supports `--version` and `--standard-json`.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const args = process.argv.slice(2);

if (args.includes("--version")) {
  print(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (args.includes("--standard-json")) {
  print(solc.compile(fs.readFileSync(0, "utf8"), { import: readImport }) + "\n");
} else {
  process.stderr.write(`solc-shim: only --version and --standard-json are supported, not: ${args.join(" ")}\n`);
  process.exitCode = 2;
}

function readImport(name) {
  for (const folder of importFolders()) {
    const file = path.resolve(folder, name);
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  }
  return { error: `not found: ${name}` };
}

function importFolders() {
  const folders = [process.cwd()];
  args.forEach((arg, at) => {
    if (["--allow-paths", "--base-path", "--include-path"].includes(arg)) folders.push(...(args[at + 1] ?? "").split(","));
  });
  return folders.filter(Boolean);
}

// A pipe accepts 64 KiB at a time and then fails with EAGAIN; without the loop a large output would be truncated.
function print(text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
