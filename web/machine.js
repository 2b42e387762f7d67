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

// The shell behind the serial line. show(text, hidden): all that is said; hidden: it answers a command of the page's
// own.
export class Shell {
    constructor(emulator, show) {
        Object.assign(this, { emulator, show, text: "", waiting: [], busy: true, hidden: false });
        emulator.add_listener("serial0-output-byte", (byte) => this.take(String.fromCharCode(byte)));
    }

    take(letter) {
        this.text += letter === "\r" ? "" : letter;
        this.show(letter, this.hidden);
        if (letter === " " && PROMPT.test(this.text.slice(-60)))
            this.at_prompt();
    }

    at_prompt() {
        const { answer } = this, text = this.text;
        this.text = "";
        this.answer = undefined;
        this.busy = this.hidden = false;
        answer?.(text.slice(text.indexOf("\n") + 1));
        this.next();
    }

    next() {
        if (this.busy || !this.waiting.length)
            return;
        const { command, hidden, answer } = this.waiting.shift();
        Object.assign(this, { busy: true, hidden, answer });
        this.emulator.serial0_send(`${command}\r`);
    }

    // Once there is a prompt and nothing waits.
    prompt() {
        return new Promise((answer) => { this.answer = answer; });
    }

    // What the command prints, once the next prompt is there.
    ask(command, hidden = false) {
        return new Promise((answer) => {
            this.waiting.push({ command, hidden, answer });
            this.next();
        });
    }
}
