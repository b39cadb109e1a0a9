// A Node client as the system at the other end of an MLLP link.
// node send.mjs HOST PORT FOLDER     one line per message: file, ACK code, MSA-2
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Message } from "node-hl7-client";

const [host, port, folder] = process.argv.slice(2);
let answered = () => {};
let refused = () => {};
const client = new Client({ host });
const link = client.createConnection({ port: Number(port), waitAck: true }, (response) => {
  const answer = response.getMessage();
  answered([answer.get("MSA.1").toString(), answer.get("MSA.2").toString()]);
});
link.on("data.error", (error) => refused(error));
link.on("error", (error) => refused(error));
await new Promise((resolve) => link.once("connect", resolve));

for (const name of readdirSync(folder).sort()) {
  const text = readFileSync(join(folder, name), "utf-8").replace(/\r\n?|\n/g, "\r").trimEnd();
  const answer = new Promise((resolve, reject) => { answered = resolve; refused = reject; });
  await link.sendMessage(new Message({ text }));
  try {
    console.log([name, ...(await answer)].join("\t"));
  } catch (error) {
    console.log([name, `!${error.name}`, error.message].join("\t"));
  }
}
await link.close();
process.exit(0);
