"use strict";

// One web call: the link's hash holds the LiveKit address and the token of `get_token`. The hash
// never leaves the browser. Without one, this page's own server places a call. `microphone=raw` in
// the hash leaves out the browser's gain control, noise suppression and echo cancelling: made for
// people, they drive a synthetic voice into clipping.

const { Room, RoomEvent, Track } = LivekitClient;

const UNPROCESSED = {
  autoGainControl: false,
  echoCancellation: false,
  noiseSuppression: false,
  voiceIsolation: false,
};

const part = (id) => document.getElementById(id);
const lines = new Map(); // by transcription segment
const rawMicrophone = new URLSearchParams(location.hash.slice(1)).get("microphone") === "raw";
let room = null;

function show(state, words) {
  part("status").dataset.state = state;
  part("status").textContent = words;
  const inCall = state === "waiting" || state === "talking";
  part("join").disabled = inCall || state === "connecting";
  part("mute").disabled = part("hang-up").disabled = !inCall;
  for (const button of part("phrases").querySelectorAll("button")) button.disabled = !inCall;
}

function complain(sentence) {
  part("trouble").textContent = sentence;
  part("trouble").hidden = !sentence;
}

async function invitation() {
  const hash = new URLSearchParams(location.hash.slice(1));
  if (hash.get("url") && hash.get("token")) {
    // A token opens one call: the next click places another one.
    history.replaceState(null, "", location.pathname);
    return { url: hash.get("url"), token: hash.get("token") };
  }
  const answer = await fetch("/calls", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  const body = answer.headers.get("Content-Type")?.includes("json")
    ? await answer.json()
    : { detail: await answer.text() };
  if (!answer.ok) throw new Error(body.detail || `The call was refused (${answer.status}).`);
  return body;
}

async function join() {
  complain("");
  part("said").replaceChildren();
  lines.clear();
  show("connecting", "Connecting");
  const call = (room = new Room(rawMicrophone ? { audioCaptureDefaults: UNPROCESSED } : {}));
  call
    .on(RoomEvent.TrackSubscribed, (track, _publication, participant) => {
      if (track.kind !== Track.Kind.Audio) return;
      document.body.append(track.attach());
      if (participant.isAgent) show("talking", `${participant.name || "The assistant"} is here`);
    })
    .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((each) => each.remove()))
    .on(RoomEvent.Reconnecting, () => show("connecting", "Reconnecting"))
    .on(RoomEvent.Reconnected, () => show("talking", "Connected again"))
    .on(RoomEvent.Disconnected, () => show("ended", "The call is over"));
  call.registerTextStreamHandler("lk.transcription", write);
  try {
    const { url, token } = await invitation();
    await call.connect(url, token);
    if (part("status").dataset.state === "connecting") show("waiting", "The assistant is coming");
    await call.startAudio();
    await call.localParticipant.setMicrophoneEnabled(true);
    showMuted(false);
  } catch (trouble) {
    await call.disconnect();
    complain(explain(trouble));
    show("trouble", "No call");
  }
}

function explain(trouble) {
  switch (trouble.name) {
    case "NotAllowedError":
      return "The browser may not use the microphone: allow it for this page and try again.";
    case "NotFoundError":
      return "The browser finds no microphone: connect one and try again.";
    default:
      return `The call did not begin: ${trouble.message}`;
  }
}

// Each interim text of a speaker is a new stream of the same segment and replaces the one before.
async function write(reader, { identity }) {
  const segment = reader.info.attributes?.["lk.segment_id"] ?? reader.info.id;
  let line = lines.get(segment);
  if (!line) {
    line = document.createElement("span");
    lines.set(segment, line);
    const who = document.createElement("b");
    who.textContent = identity === room.localParticipant.identity ? "You" : "Assistant";
    const item = document.createElement("li");
    item.append(who, line);
    part("said").append(item);
  }
  let text = "";
  for await (const chunk of reader) line.textContent = text += chunk;
}

function showMuted(muted) {
  part("mute").setAttribute("aria-pressed", String(muted));
  part("mute").textContent = muted ? "Unmute" : "Mute";
}

async function mute() {
  const me = room.localParticipant;
  await me.setMicrophoneEnabled(!me.isMicrophoneEnabled);
  showMuted(!me.isMicrophoneEnabled);
}

async function listPhrases() {
  const answer = await fetch("/phrases");
  if (!answer.ok) return;
  for (const { text } of (await answer.json()).phrases) {
    const button = document.createElement("button");
    button.textContent = text;
    button.disabled = true;
    button.addEventListener("click", () => room.localParticipant.sendText(text, { topic: "lk.chat" }));
    const item = document.createElement("li");
    item.append(button);
    part("phrases").append(item);
  }
}

part("join").addEventListener("click", join);
part("mute").addEventListener("click", mute);
part("hang-up").addEventListener("click", () => room.disconnect());
listPhrases().catch(() => {});

// For tests: what the browser itself counts of the sound that comes in.
window.soundReceived = async () => {
  const found = { bytesReceived: 0, totalAudioEnergy: 0 };
  for (const participant of room?.remoteParticipants.values() ?? []) {
    for (const { track } of participant.trackPublications.values()) {
      const report = await track?.receiver?.getStats();
      for (const stats of report?.values() ?? []) {
        if (stats.type !== "inbound-rtp") continue;
        found.bytesReceived += stats.bytesReceived;
        found.totalAudioEnergy += stats.totalAudioEnergy;
      }
    }
  }
  return found;
};
