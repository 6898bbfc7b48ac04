// What the tests need of the contract: descriptors and generated code, made by protoc when asked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { root } from './suite.mjs';

export const protoRoot = path.join(root, 'protos');
export const protoFiles = readdirSync(protoRoot, { recursive: true }).filter((name) => name.endsWith('.proto')).sort();

/** A registry of every message and service of the contract, without any generated code. */
export function readContract() {
  const dir = mkdtempSync(path.join(tmpdir(), 'invigil-protos-'));
  try {
    const out = path.join(dir, 'contract.binpb');
    execFileSync('protoc', ['-I', protoRoot, '--include_imports', `--descriptor_set_out=${out}`, ...protoFiles]);
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(out)));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Generates tests/gen with protoc-gen-es; gives a function that imports a generated module. */
export function generate() {
  const gen = path.join(root, 'tests/gen');
  rmSync(gen, { recursive: true, force: true });
  mkdirSync(gen, { recursive: true });
  const plugin = path.join(root, 'tests/node_modules/.bin/protoc-gen-es');
  execFileSync('protoc', ['-I', protoRoot, '-I', path.join(root, 'tests/harness'), `--plugin=protoc-gen-es=${plugin}`, `--es_out=${gen}`, '--es_opt=target=js,import_extension=js', ...protoFiles, 'google/rpc/error_details.proto']);
  return (name) => import(pathToFileURL(path.join(gen, name)));
}
