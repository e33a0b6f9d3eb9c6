import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { AppContent } from '../form.ts';
import type { WriteRecord } from './record.ts';

export type WriteLog = {
  append(record: WriteRecord): void;
  close(): void;
};

/**
 * Opens the log of writes: append-only, one line for each write. The kernel has the line before the app goes on, so a
 * kill of the app loses no line.
 */
export function openWriteLog(file: string): WriteLog {
  const descriptor = openSync(file, 'a', 0o600);
  return {
    append: (record) => void writeSync(descriptor, `${JSON.stringify(record, bytesAsText)}\n`),
    close: () => closeSync(descriptor),
  };
}

export function readWriteLog(file: string): WriteRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line, textAsBytes) as WriteRecord);
}

/** A Buffer's own `toJSON` writes one number for each byte. Base64 takes a quarter of that space. */
function bytesAsText(_name: string, value: unknown): unknown {
  if (!isBufferJson(value)) return value;
  return { base64: Buffer.from(value.data).toString('base64') };
}

function textAsBytes(_name: string, value: unknown): AppContent | unknown {
  const bytes = value !== null && typeof value === 'object' && 'base64' in value ? value.base64 : undefined;
  return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : value;
}

function isBufferJson(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return (
    value !== null &&
    typeof value === 'object' &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value
  );
}
