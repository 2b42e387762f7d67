// SPDX-License-Identifier: MIT
// v86.mjs FOLDER_OF_V86 BIOS VGA_BIOS IMAGE MEGABYTES: one machine in v86 without a browser; see v86.py.
//
// Its serial line is the standard output. When its CPU has halted for good, "halted" goes to the standard error; at
// SIGINT its registers do.
import { readFileSync, writeSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { pathToFileURL } from "node:url";
import { has_ended, machine, registers } from "../../web/machine.js";

const [folder, bios, vga_bios, image, megabytes] = process.argv.slice(2);
setFlagsFromString("--liftoff-only"); // a third of the time: V8 would compile all that v86 has compiled once more
const { V86 } = await import(pathToFileURL(`${folder}/libv86.mjs`));
const file = (path) => ({ buffer: Uint8Array.from(readFileSync(path)).buffer });

const emulator = new V86(machine({
    wasm_path: `${folder}/v86.wasm`, bios: file(bios), vga_bios: file(vga_bios), cdrom: file(image),
}, Number(megabytes)));

const end = (word) => {
    writeSync(2, `${word}\n`);
    process.exit(0);
};

// A line at a time: a write for each byte would cost more than the machine.
let line = [];
emulator.add_listener("serial0-output-byte", (byte) => {
    line.push(byte);
    if (byte === 10)
        writeSync(1, Uint8Array.from(line)), line = [];
});
process.on("SIGINT", () => end(registers(emulator)));
emulator.add_listener("emulator-ready", () => setInterval(() => {
    if (has_ended(emulator))
        writeSync(1, Uint8Array.from(line)), end("halted");
}, 50));
