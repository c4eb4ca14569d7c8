import { Switchboard } from "./switchboard.js";

declare const process: { argv: string[]; env: Record<string, string | undefined> };

const switchboard = new Switchboard(process.env["API_URL"] ?? "", process.env["API_KEY"] ?? "");
const started = await switchboard.startWebCall(process.argv[2] ?? "demo");
console.log("join with", started.url, started.token.slice(0, 12) + "…");
for await (const event of switchboard.events(started.call_id)) {
  console.log(event.at, event.actor, event.text);
}
const call = await switchboard.call(started.call_id);
console.log(call.call_id, call.status, call.ended_reason, call.cost?.total ?? "-");
