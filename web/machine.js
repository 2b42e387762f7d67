// SPDX-License-Identifier: MIT
// The machine that v86 is asked for, in a browser and in Node. files: wasm_path, and bios, vga_bios, cdrom as v86 takes them.
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
