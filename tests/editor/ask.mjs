// Opens files as an editor does, and prints what its language server says about them: FILE LINE MESSAGE, sorted. SCHEMA
// is the setting yaml.schemas for all of them; without it their first lines name the schema.
import { spawn } from "node:child_process";
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const [server, ...files] = process.argv.slice(2);
const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "ignore"] });
const waiting = new Map(files.map((file) => [pathToFileURL(fs.realpathSync(file)).href, file]));
const found = [];
let unread = Buffer.alloc(0);

function send(message) {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message });
  child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

function take(message) {
  if (message.method === "textDocument/publishDiagnostics") {
    const file = waiting.get(message.params.uri);
    if (file === undefined) return;
    waiting.delete(message.params.uri);
    for (const { range, message: text } of message.params.diagnostics) {
      found.push(`${file.split("/").pop()} ${range.start.line + 1} ${text}`);
    }
    if (waiting.size === 0) {
      process.stdout.write(found.sort().map((line) => line + "\n").join(""));
      child.kill();
      process.exit(0);
    }
  } else if (message.method === "workspace/configuration") {
    const schemas = process.env.SCHEMA ? { [pathToFileURL(process.env.SCHEMA).href]: "*.yaml" } : {};
    const yaml = { validate: true, schemaStore: { enable: false }, schemas };
    const result = message.params.items.map(({ section }) => (section === "yaml" ? yaml : {}));
    send({ id: message.id, result });
  } else if (message.method !== undefined && message.id !== undefined) {
    send({ id: message.id, result: null });
  } else if (message.id === 1) {
    send({ method: "initialized", params: {} });
    for (const [uri, file] of waiting) {
      const textDocument = { uri, languageId: "yaml", version: 1, text: fs.readFileSync(file, "utf8") };
      send({ method: "textDocument/didOpen", params: { textDocument } });
    }
  }
}

child.stdout.on("data", (data) => {
  unread = Buffer.concat([unread, data]);
  for (;;) {
    const head = /Content-Length: (\d+)\r\n\r\n/.exec(unread.toString("latin1"));
    if (!head) return;
    const start = head.index + head[0].length;
    const end = start + Number(head[1]);
    if (unread.length < end) return;
    const message = JSON.parse(unread.subarray(start, end).toString());
    unread = unread.subarray(end);
    take(message);
  }
});
child.on("exit", (code) => process.exit(code === null ? 1 : code || 1));
send({ id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities: { workspace: { configuration: true } } } });
