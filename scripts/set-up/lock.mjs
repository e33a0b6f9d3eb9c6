// Two set-ups at once (npm start beside npm test): the second waits, then finds the work done.
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const BEAT_MS = 1_000;
const STALE_MS = 10_000;

/** The holder touches the file; one that was killed no longer does. (A pid would not do: containers share the cache.) */
export async function withLock(folder, work) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'set-up.lock');
  await acquire(file);
  const beat = setInterval(() => touch(file), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(file, { force: true });
  }
}

async function acquire(file) {
  for (let told = false; ; ) {
    try {
      closeSync(openSync(file, 'wx'));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (ageMs(file) > STALE_MS) rmSync(file, { force: true });
    else {
      if (!told) console.log('set-up: another one is at work, waiting for it');
      told = true;
      await delay(200);
    }
  }
}

function touch(file) {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch {
    // Somebody took us for dead and removed it; the steps are idempotent, so going on does no harm.
  }
}

function ageMs(file) {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}
