// Starts every command of jday. Nothing has to be built before: the first start makes a bundle of the sources.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundledEntry } from './bundle.mjs';

/**
 * Runs a command whose source is TypeScript.
 *
 * @template M
 * @param {URL} source the module with the command
 * @param {(module: M) => Promise<number>} command resolves to the exit code
 */
export async function launch(source, command) {
  endWithoutReader();
  const module = await load(source);
  process.exitCode = await command(module);
}

async function load(source) {
  const bundled = await bundledEntry(fileURLToPath(source));
  if (bundled !== null) {
    // The stack traces in Temporal's history name the sources.
    process.setSourceMapsEnabled(true);
    return import(pathToFileURL(bundled).href);
  }
  // tsx translates each source when it is imported. It needs no place to write.
  const { register } = await import('tsx/esm/api');
  // The tsconfig is named explicitly, because tsx would look for one in the caller's folder.
  register({ tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) });
  return import(source.href);
}

/** 128 + SIGPIPE: what a shell reports of a program whose reader went away. No code of a verb means that. */
const NO_READER = 141;

/**
 * A reader such as `head` may close the pipe. No output can reach it any more, so the process ends without a word. If it
 * closes in order at SIGTERM, as a worker and a rehearsal do, it gets that signal.
 */
function endWithoutReader() {
  let ending = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
      // Each further line fails too. Only the first failure counts, because a second signal would stop the closing
      // halfway.
      if (ending) return;
      ending = true;
      if (process.listenerCount('SIGTERM') === 0) process.exit(NO_READER);
      process.kill(process.pid, 'SIGTERM');
    });
}
