// SPDX-License-Identifier: MIT
// The page: a machine, its terminal, pictures of what it prints, and the museum.
import { grid, map, style, timeline, walk } from "./draw.js";
import { parse } from "./lines.js";
import { machine, Shell, words_into } from "./machine.js";

const at = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const COMMANDS = ["help", "meminfo", "vmallocinfo", "ptdump", "pgds", "run hello", "ps", "cpus", "oracle", "dmesg"];
const MEGABYTES = 128;

const say = (id, words, mood = "") => {
    at(id).textContent = words;
    at(id).className = mood;
};

// --- the machine ---------------------------------------------------------------------------------------------------

let emulator, shell, terminal, V86, firmware, image;

const fetched = async (name) => {
    const answer = await fetch(name);
    if (!answer.ok)
        throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
    return answer.arrayBuffer();
};

const load = async () => {
    const [{ V86: emulator_class }, { Terminal }, ...buffers] = await Promise.all([
        import("./libv86.mjs"), import("./xterm.mjs"), ...["bios.bin", "vgabios.bin"].map(fetched)]);
    V86 = emulator_class;
    firmware = buffers;
    const fontSize = innerWidth < 640 ? 8 : 14;
    terminal = new Terminal({ cols: 80, rows: 24, fontSize, scrollback: 5000, screenReaderMode: true });
    terminal.open(at("terminal"));
    terminal.onData((data) => shell?.type(data));
    terminal.attachCustomKeyEventHandler(leave_with_tab);
};

// The Tab key completes words in the shell; after Ctrl-M it goes on to the next button, as everywhere else.
let tab_leaves = false;
const leave_with_tab = (event) => {
    if (event.type === "keydown" && event.ctrlKey && event.key === "m") {
        tab_leaves = !tab_leaves;
        return false;
    }
    return !(tab_leaves && event.key === "Tab");
};

let self_test = false; // the machine runs its tests before the first prompt

const forget_verdict = () => {
    delete at("verdict").dataset.found;
    say("verdict", "");
};

const watch = (line) => {
    const totals = /^# totals: pass=(\d+) fail=(\d+) skip=(\d+)/.exec(line);
    const oracle = /TLB oracle: ([a-z-]+): (.*)/.exec(line);
    if (totals && self_test)
        say("status", `Self-test: ${totals[1]} passed, ${totals[2]} failed, ${totals[3]} need what this PC has not.`,
            Number(totals[2]) ? "bad" : "good");
    if (/^Bail out!/.test(line))
        say("status", line, "bad");
    if (oracle && !at("verdict").dataset.found)
        say("verdict", `The oracle names it: ${at("verdict").dataset.found = oracle[1]}. ${oracle[2]}`, "bad");
};

let line = "", kept = "";
const show = (letter, hidden) => {
    if (!hidden)
        kept += letter;
    if (letter === "\n")
        watch(line), line = "";
    else if (letter !== "\r")
        line += letter;
};
setInterval(() => kept && terminal.write(kept, kept = ""), 30);

const disable = (selector, disabled) => all(selector).forEach((button) => { button.disabled = disabled; });
const set_busy = (busy) => disable("[data-needs-prompt]", busy);

// Nobody starts a machine while another is being made: both would write to one terminal.
const alone = async (make) => {
    disable("[data-boot], [data-bug]", true);
    set_busy(true);
    try {
        await make();
    } finally {
        disable("[data-boot], [data-bug]", false);
    }
};

const new_machine = async (parts, megabytes) => {
    await emulator?.destroy();
    terminal.reset();
    line = kept = "";
    const [bios, vga] = firmware;
    const all_parts = { wasm_path: "v86.wasm", bios: { buffer: bios }, vga_bios: { buffer: vga }, ...parts };
    emulator = new V86(machine(all_parts, megabytes,
        { screen: { container: at("screen") }, disable_keyboard: true, disable_mouse: true }));
    shell = new Shell(emulator, show, set_busy);
};

const boot = async (kernel, words, megabytes = MEGABYTES) => {
    say("status", `Booting ${kernel} ${words}...`);
    forget_verdict();
    await alone(async () => {
        image ??= await fetched("kvasir.iso");
        const buffer = image.slice(0);
        words_into(buffer, kernel, words);
        await new_machine({ cdrom: { buffer } }, megabytes);
        self_test = /\btest=/.test(words);
    });
    await shell.prompt();
    if (!self_test)
        say("status", `${kernel} runs.`, "good");
    self_test = false;
};

// The machine of state.mjs: it stands at its prompt, and what it has said until then comes with it.
const resume = () => alone(async () => {
    const packed = new Blob([await fetched("machine.state")]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(packed).arrayBuffer()), end = bytes.indexOf(0);
    await new_machine({ initial_state: { buffer: bytes.slice(end + 1).buffer } }, MEGABYTES);
    await new Promise((started) => emulator.add_listener("emulator-started", started));
    for (const letter of new TextDecoder().decode(bytes.subarray(0, end)))
        show(letter);
    shell.at_prompt();
    say("status", "i386-pae runs: a machine that was saved at its first prompt. Self-test boots one anew.", "good");
});

// Without that file, or in a browser that cannot unpack it, there is the long way.
const resume_or_boot = () => resume().catch(() => boot("i386-pae", "shell"));

// A click that cannot do what it says has a reason.
const trying = (action) => () => action().catch((error) => say("status", `It cannot start: ${error.message}.`, "bad"));

const type = (command) => shell.ask(command);
const ask = (...commands) => Promise.all(commands.map((command) => shell.ask(command, true)));

// --- pictures ------------------------------------------------------------------------------------------------------

const TRACED = "alloc_vmap_area,free_vmap_area_noflush,purge_vmap_area_lazy,tlb_flush,pgd_sync,page_fault,sched_switch";

// A few processes, so that there is something to compare; they are ended again.
const parity_of_processes = async () => {
    const started = await ask("run spin &", "run spin &", "run spin &"), answer = await ask("pgds -m");
    await ask(...started.flatMap((words) => /is process (\d+)/.exec(words)?.[1] ?? []).map((pid) => `kill ${pid}`));
    return answer;
};

const PICTURES = {
    map: [map, () => ask("ptdump -m", "vmallocinfo -m")],
    grid: [grid, parity_of_processes],
    timeline: [timeline,
        async () => (await ask(`trace on ${TRACED}`, "run hello", "trace -m", "trace off")).slice(2, 3)],
};

let shown, zoom = 1;

// What was drawn last, for whoever wants to compare: the browser's console, tests.
const parsed = (text) => parse((window.kvasir = { text }).text);

const draw = () => {
    const box = at("picture"), middle = (box.scrollLeft + box.clientWidth / 2) / (box.scrollWidth || 1);
    if (!shown)
        return;
    box.innerHTML = shown.draw(shown.records, Math.max(box.clientWidth, 320) * zoom);
    box.scrollLeft = middle * box.scrollWidth - box.clientWidth / 2;
};

const picture = async (name) => {
    const [picture_of, questions] = PICTURES[name];
    shown = { draw: picture_of, records: parsed((await questions()).join("\n")) };
    zoom = 1;
    draw();
    at("picture").dataset.shows = name;
};

const show_walk = async (address) => {
    at("address").value = address;
    const [answer] = await ask(`walk -m ${address}`), records = parsed(answer);
    at("walk").innerHTML = records.length ? walk(records, at("walk").clientWidth || 320) : "";
    if (!records.length)
        at("walk").textContent = answer.split("\n")[0];
    at("walk").focus({ preventScroll: false });
};

// --- the museum ----------------------------------------------------------------------------------------------------

const item = (list, words, title, action) => {
    const [li, span, button] = ["li", "span", "button"].map((name) => document.createElement(name));
    span.textContent = words;
    button.textContent = title;
    button.setAttribute("aria-label", `${title}: ${words}`);
    button.onclick = action;
    li.append(span, button);
    at(list).append(li);
    return button;
};

const judged = (answer, name) => {
    const totals = /# totals: pass=(\d+) fail=(\d+) skip=(\d+)/.exec(answer), why = /# SKIP (.*)/.exec(answer);
    if (!totals)
        return say("verdict", `${name}: no verdict.`, "bad");
    const [passed, failed] = totals.slice(1).map(Number);
    say("verdict", failed ? `${name}: the bug is here.`
        : passed ? `${name}: passed, this kernel does not have the bug.` : `${name}: ${why?.[1]}.`,
            failed ? "bad" : "good");
};

// The oracle's word counts more than that of the test.
const run_test = async ({ test }) => {
    forget_verdict();
    say("verdict", `Running ${test}...`);
    at("terminal").scrollIntoView({ block: "nearest" });
    const answer = await type(`test ${test}`);
    if (!at("verdict").dataset.found)
        judged(answer, test);
};

// Only without page-table isolation are there global pages, which one of the bugs is about.
const meet = async ({ name, tests, highmem }) => {
    const words = `shell pti=off${highmem ? " vmalloc=640M" : ""}`;
    const booted = boot(name, words, highmem ? 384 : MEGABYTES);
    say("verdict", `Booting the kernel that has ${name}...`);
    await booted;
    await run_test({ test: tests });
};

const hang_up_museum = async () => {
    const { entries, broken } = await (await fetch("museum.json")).json();
    for (const bug of broken)
        item("broken", `${bug.name}: ${bug.what}`, "Boot it", trying(() => meet(bug))).dataset.bug = bug.name;
    for (const entry of entries) {
        const needs = entry.cpus ? ` (needs ${entry.cpus} CPUs; this PC has one)` : "";
        const button = item("entries", `${entry.number}. ${entry.what}${needs}`, "Test", () => run_test(entry));
        button.dataset.test = entry.test;
        button.dataset.needsPrompt = "";
        button.disabled = true;
    }
};

// --- all of it -----------------------------------------------------------------------------------------------------

const wire = () => {
    for (const command of COMMANDS) {
        const button = document.createElement("button");
        Object.assign(button, { textContent: command, onclick: () => type(command) });
        button.dataset.command = command;
        at("commands").append(button);
    }
    all("[data-boot]").forEach((button) => {
        button.onclick = trying(() => boot(button.dataset.boot, button.dataset.words));
    });
    all("[data-picture]").forEach((button) => { button.onclick = () => picture(button.dataset.picture); });
    all("[data-command], [data-picture], #walk-form button").forEach((button) => { button.dataset.needsPrompt = ""; });
    disable("button", true); // until there is something to boot
    at("walk-form").onsubmit = (event) => {
        event.preventDefault();
        show_walk(at("address").value.trim());
    };
    at("picture").onclick = (event) => {
        const link = event.target.closest("a");
        if (!link)
            return;
        event.preventDefault();
        show_walk(link.getAttribute("href").slice("#walk=".length));
    };
    at("in").onclick = () => { zoom = Math.min(zoom * 1.6, 64); draw(); };
    at("out").onclick = () => { zoom = Math.max(zoom / 1.6, 1); draw(); };
    addEventListener("resize", draw);
    document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
};

const start = async () => {
    if (typeof WebAssembly !== "object")
        return say("status", "This browser has no WebAssembly, and the emulator needs it: " +
            "please try a current Firefox, Chromium or Safari.", "bad");
    say("status", "Loading...");
    wire();
    try {
        await load();
        await hang_up_museum();
        disable("#in, #out", false);
        const words = new URLSearchParams(location.search).get("words");
        await (words === null ? resume_or_boot() : boot("i386-pae", words));
    } catch (error) {
        say("status", `It cannot start: ${error.message}.`, "bad");
    }
};

start();
