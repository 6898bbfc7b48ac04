// Breaks the disk below one process, or ends the process between two of its system calls, by a library
// preloaded into it (disk_fault.cc): nothing in the programs knows of it.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const source = path.join(path.dirname(fileURLToPath(import.meta.url)), 'disk_fault.cc');

/** What may happen; the numbers of disk_fault.cc. */
export const faults = {
  none: 0,
  syncFails: 1,
  killAfterSync: 2,
  killBeforeAnswer: 3,
  killBeforeWrite: 4,
  stopBeforeWrite: 5,
  full: 6,
  slowSync: 7,
  writeFails: 8,
};

let library;
/** Builds the library once per test process, into `dir`. */
function build(dir) {
  library ??= path.join(dir, 'disk_fault.so');
  execFileSync('g++', ['-std=c++20', '-O1', '-shared', '-fPIC', '-o', library, source, '-ldl']);
  return library;
}

/** The faults of one process. Give `env` to it when it starts; they last until told otherwise. */
export class DiskFault {
  /** `name`: part of the paths of the files that are touched, such as "session.db". */
  constructor(dir, name) {
    this.path = path.join(dir, `disk_fault-${name}-${DiskFault.#made++}`);
    writeFileSync(this.path, Buffer.alloc(24));
    this.env = { LD_PRELOAD: build(dir), DISK_FAULT: this.path, DISK_FAULT_NAME: name };
  }
  static #made = 0;

  /** From now on `action`; `argument` is the how-manieth sync or write, or milliseconds. */
  set(action, argument = 1) {
    const words = Buffer.alloc(24);
    // First the rest, then what sets it going.
    words.writeInt32LE(argument, 4);
    this.#write(words, 0);
    words.writeInt32LE(faults[action], 0);
    this.#write(words.subarray(0, 4), 0);
  }

  clear() {
    this.set('none');
  }

  /** { syncs, writes, fired } since the last `set`. */
  get seen() {
    const words = Buffer.alloc(24);
    const file = openSync(this.path, 'r');
    readSync(file, words, 0, 24, 0);
    closeSync(file);
    return { syncs: words.readInt32LE(8), writes: words.readInt32LE(12), fired: words.readInt32LE(16) };
  }

  #write(bytes, at) {
    const file = openSync(this.path, 'r+');
    writeSync(file, bytes, 0, bytes.length, at);
    closeSync(file);
  }
}
