// SPDX-License-Identifier: MIT
// The machine that v86 is asked for, in a browser and in Node. files: wasm_path; bios, vga_bios, cdrom.
export const machine = (files, megabytes, more = {}) => ({
    ...files, memory_size: megabytes << 20, vga_memory_size: 16 << 20, boot_order: 0x213, autostart: true,
    disable_speaker: true, ...more,
});

const INTERRUPTS = 0x200; // in EFLAGS

// A CPU that halts and takes no interrupts has nothing more to say.
export const has_ended = (emulator) => {
    const { cpu } = emulator.v86;
    return Boolean(cpu.in_hlt[0]) && !(cpu.flags[0] & INTERRUPTS);
};

const NAMES = ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"];
const hex = (value) => (value >>> 0).toString(16).padStart(8, "0");

export const registers = (emulator) => {
    const { cpu } = emulator.v86;
    const general = NAMES.map((name, i) => `${name}=${hex(cpu.reg32[i])}`).join(" ");
    const control = [0, 2, 3, 4].map((i) => `CR${i}=${hex(cpu.cr[i])}`).join(" ");
    return `EIP=${hex(cpu.instruction_pointer[0])} EFL=${hex(cpu.flags[0])}\n${general}\n${control}`;
};

// The image boots by itself what its menu's first line says; this is where it says it (build.mjs left the room).
export const words_into = (image, kernel, words) => {
    const bytes = new Uint8Array(image), mark = new TextEncoder().encode("set serial='kvasir:");
    const start = bytes.findIndex((_, i) => mark.every((byte, n) => bytes[i + n] === byte)) + mark.length;
    const room = bytes.indexOf("'".charCodeAt(0), start) - start, text = `${kernel} ${words}`;
    if (start < mark.length || text.length > room)
        throw new Error("the image has no room for the words");
    bytes.set(new TextEncoder().encode(text.padEnd(room)), start);
};

const PROMPT = /(^|\n)kvasir \S+ cpu\d+> $/;

const CLEAR_LINE = "\x15"; // Ctrl-U

// The shell behind the serial line. show(letter, hidden): all that is said; hidden: it answers a command of the page's
// own. changed(busy): from now on somebody's command runs, or none.
export class Shell {
    constructor(emulator, show, changed = () => {}) {
        Object.assign(this, { emulator, show, changed, text: "", waiting: [], asked: null, busy: true, begun: false });
        emulator.add_listener("serial0-output-byte", (byte) => this.take(String.fromCharCode(byte)));
    }

    take(letter) {
        this.text += letter === "\r" ? "" : letter;
        this.show(letter, this.asked?.hidden);
        if (letter === " " && PROMPT.test(this.text.slice(-60)))
            this.at_prompt();
    }

    set_busy(busy) {
        this.busy = busy;
        this.changed(busy);
    }

    // A prompt before the line of what was asked is somebody else's: who types may be ahead of the shell.
    at_prompt() {
        const { asked, text } = this, line = asked?.command ? `${asked.command}\n` : "", echo = text.indexOf(line);
        this.text = "";
        if (echo < 0)
            return;
        this.asked = null;
        this.begun = false;
        this.set_busy(false);
        asked?.answer(text.slice(echo + line.length));
        this.next();
    }

    // The shell forgets what is half typed; whoever typed it sees that, and what takes its place.
    next() {
        if (this.busy || !this.waiting.length)
            return;
        this.asked = this.waiting.shift();
        this.asked.hidden &&= !this.begun;
        this.set_busy(true);
        this.emulator.serial0_send(`${CLEAR_LINE}${this.asked.command}\r`);
    }

    // Somebody types.
    type(text) {
        this.begun = true;
        if (!this.busy && /[\r\n]/.test(text))
            this.set_busy(true);
        this.emulator.serial0_send(text);
    }

    // Once there is a prompt and nothing waits.
    prompt() {
        return new Promise((answer) => { this.asked = { answer }; });
    }

    // What the command prints, once the next prompt is there.
    ask(command, hidden = false) {
        return new Promise((answer) => {
            this.waiting.push({ command, hidden, answer });
            this.next();
        });
    }
}
