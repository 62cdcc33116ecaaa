"use strict";
// Draws what the collector sends. Everything from outside goes into the page as text, never as markup.

const RSSI = [-90, -80, -70, -60, -50];
const SHARE = [0.1, 0.3, 0.5, 0.7, 0.9];
const FAR_CLOCK_MS = 100;
const KEYS = {
  rssi: ["below -90 dBm", "-90 to -80", "-80 to -70", "-70 to -60", "-60 to -50", "-50 and above"],
  rate: ["below 10 % of those sent", "10 to 30 %", "30 to 50 %", "50 to 70 %", "70 to 90 %", "90 % and above"],
  share: ["below 10 %", "10 to 30 %", "30 to 50 %", "50 to 70 %", "70 to 90 %", "90 % and above"],
};

let board = null;
const byId = (id) => document.getElementById(id);
const shown = () => document.querySelector("input[name=shown]:checked").value;
const bin = (value, edges) => edges.filter((edge) => value >= edge).length;

function put(id, text) {
  const node = byId(id);
  if (node.textContent !== String(text)) node.textContent = text;
}

function cell(row, kind, text, name, label) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  if (label) made.dataset.label = label;
  row.append(made);
  return made;
}

function ago(seconds) {
  if (seconds === null) return "never";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min ago`;
}

function grouped(number) {
  return Math.round(number).toLocaleString("en-GB");
}

function perMinute(node, count) {
  return node.window_s > 0 ? (count * 60) / node.window_s : 0;
}

function pair(receiver, sender) {
  const heard = receiver.heard.find((one) => one.node === sender.node);
  if (!heard || heard.count === 0) return null;
  const rate = perMinute(receiver, heard.count);
  const share = sender.interval_ms ? Math.min(rate / (60000 / sender.interval_ms), 1) : null;
  return { rssi: heard.rssi_dbm, rate, share };
}

function look(found, what) {
  if (what === "rssi") return [String(Math.round(found.rssi)), `c${bin(found.rssi, RSSI)}`];
  const colour = found.share === null ? "" : `c${bin(found.share, SHARE)}`;
  if (what === "rate") return [String(Math.round(found.rate)), colour];
  return [found.share === null ? "?" : `${Math.round(100 * found.share)} %`, colour];
}

function drawMatrix() {
  const nodes = board.nodes, what = shown(), table = byId("matrix");
  const head = document.createElement("thead"), top = document.createElement("tr");
  const body = document.createElement("tbody");
  const corner = cell(top, "th", "hears");
  corner.scope = "col";
  for (const sender of nodes) {
    const made = cell(top, "th", "");
    made.scope = "col";
    const name = document.createElement("span");
    name.textContent = sender.node;
    name.title = sender.node;
    made.append(name);
  }
  head.append(top);
  for (const receiver of nodes) {
    const row = document.createElement("tr");
    if (receiver.age_s > board.stale_s) row.className = "gone";
    const name = cell(row, "th", receiver.node);
    name.scope = "row";
    name.title = receiver.node;
    for (const sender of nodes) {
      if (sender === receiver) { cell(row, "td", "", "self"); continue; }
      const found = pair(receiver, sender);
      if (!found) { cell(row, "td", "–", "none"); continue; }
      const [text, colour] = look(found, what);
      const made = cell(row, "td", text, colour);
      made.title = `${receiver.node} hears ${sender.node}: ${found.rssi.toFixed(1)} dBm, ${Math.round(found.rate)} PDUs a minute`;
    }
    body.append(row);
  }
  table.querySelector("thead")?.remove();
  table.querySelector("tbody")?.remove();
  if (nodes.length) table.append(head, body);
  table.parentElement.hidden = nodes.length === 0;
  byId("empty").hidden = nodes.length > 0;
  const key = byId("key");
  key.replaceChildren(...KEYS[what].map((text, number) => {
    const made = document.createElement("li");
    made.className = `c${number}`;
    made.textContent = text;
    return made;
  }));
  key.hidden = nodes.length === 0;
}

function clockOf(node) {
  if (!node.clock) return ["not known", "", "warn"];
  const { offset_ms, error_ms, source } = node.clock;
  const far = Math.abs(offset_ms) - error_ms > FAR_CLOCK_MS;
  const digits = error_ms < 1 ? 2 : error_ms < 10 ? 1 : 0;
  return [`${offset_ms > 0 ? "+" : ""}${offset_ms.toFixed(digits)} ± ${error_ms.toFixed(digits)} ms`, source, far ? "bad" : ""];
}

function drawNodes() {
  const rows = board.nodes.map((node) => {
    const row = document.createElement("tr");
    const silent = node.age_s > board.stale_s;
    const name = cell(row, "th", node.node);
    name.scope = "row";
    const [state, colour] = silent ? [`silent for ${ago(node.age_s).replace(" ago", "")}`, "bad"]
      : node.problem ? [node.problem, "bad"] : ["running", "good"];
    cell(row, "td", state, `state ${colour}`);
    cell(row, "td", node.every_pdu ? node.radio : `${node.radio} (thinned)`, "radio", "radio").title = node.radio;
    const turned = cell(row, "td", ago(node.rotated_s === null ? null : node.rotated_s + node.age_s), "n", "rotated");
    turned.title = `${node.rotations} rotations since the start`;
    const thin = node.duty !== null && node.duty < 0.5 ? " warn" : "";
    cell(row, "td", node.duty === null ? "cannot scan" : `${Math.round(100 * node.duty)} %`, `n${thin}`, "scan duty");
    const [clock, source, doubt] = clockOf(node);
    const told = cell(row, "td", `${clock} `, `n clock ${doubt}`, "clock");
    const by = document.createElement("small");
    by.textContent = source;
    told.append(by);
    const heard = node.others + node.heard.reduce((sum, one) => sum + one.count, 0);
    cell(row, "td", grouped(perMinute(node, heard)), "n", "PDUs/min");
    cell(row, "td", node.lost, node.lost ? "n bad" : "n", "rows lost");
    return row;
  });
  byId("nodes").tBodies[0].replaceChildren(...rows);
}

function drawTiles() {
  const silent = board.nodes.filter((node) => node.age_s > board.stale_s).length;
  const speaking = board.nodes.filter((node) => node.age_s <= board.stale_s);
  let pairs = 0;
  board.nodes.forEach((one, number) => board.nodes.slice(number + 1).forEach((other) => {
    if (pair(one, other) && pair(other, one)) pairs += 1;
  }));
  const known = (node) => node.heard.reduce((sum, one) => sum + one.count, 0);
  put("t-nodes", board.nodes.length);
  put("t-silent", silent);
  byId("t-silent").className = silent ? "bad" : "";
  put("t-pairs", pairs);
  put("t-rate", grouped(speaking.reduce((sum, node) => sum + perMinute(node, known(node)), 0)));
  put("t-others", grouped(speaking.reduce((sum, node) => sum + perMinute(node, node.others), 0)));
}

function draw() {
  if (!board) return;
  drawTiles();
  drawMatrix();
  drawNodes();
}

function link(text, state) {
  put("link", text);
  byId("link").className = `link ${state}`;
}

const events = new EventSource("v1/events");
events.addEventListener("board", (event) => {
  board = JSON.parse(event.data);
  link("live", "live");
  draw();
  document.documentElement.dataset.snapshots = Number(document.documentElement.dataset.snapshots || 0) + 1;
});
events.addEventListener("error", () => link("the collector does not answer; trying again", "waiting"));
document.querySelectorAll("input[name=shown]").forEach((input) => input.addEventListener("change", draw));
