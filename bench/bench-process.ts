import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessAnswer, ProcessOrder } from './processes/serve.ts';

/** A child process of the bench. It is separate so that its CPU, its memory and its event loop are its own. */
export type BenchProcess<Input, Said, Result> = {
  readonly pid: number;
  /** Resolves when its code is loaded. What follows is only the work. */
  readonly ready: Promise<void>;
  begin(input: Input): void;
  /** Everything that it has said so far, oldest first. */
  readonly said: readonly Said[];
  /** What it returned. Rejects when it failed or was killed. */
  readonly result: Promise<Result>;
  stop(): Promise<Result>;
  /** Lets the process end in order. Otherwise it writes no profile. */
  letGo(): void;
  kill(): void;
};

export type Program =
  | 'sync'
  | 'shards'
  | 'pipeline-copy'
  | 'writer'
  | 'probe'
  | 'verifier'
  | 'plain-verify'
  | 'following-writer'
  | 'renewer'
  | 'apply';

const TSX = import.meta.resolve('tsx');

export function startBenchProcess<Input, Said, Result>(
  program: Program,
  nodeOptions: readonly string[] = [],
): BenchProcess<Input, Said, Result> {
  const child = fork(fileURLToPath(new URL(`./processes/${program}.ts`, import.meta.url)), [], {
    execArgv: [...nodeOptions, '--import', TSX],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const said: Said[] = [];
  const ready = deferred<void>();
  const result = deferred<Result>();
  // A caller may wait for only one of these promises. Without these handlers the rejection of the other one would end
  // the bench.
  ready.promise.catch(() => undefined);
  result.promise.catch(() => undefined);
  child.on('message', (answer: ProcessAnswer<Said, Result>) => {
    if (answer.kind === 'ready') ready.resolve();
    else if (answer.kind === 'said') said.push(answer.said);
    else if (answer.kind === 'done') result.resolve(answer.result);
    else result.reject(new Error(`${program}: ${answer.reason}`));
  });
  child.once('exit', () => {
    ready.reject(new Error(`${program} ended before it was ready`));
    result.reject(new Error(`${program} ended without a result`));
  });
  const order = (one: ProcessOrder<Input>) => void (child.connected && child.send(one));
  return {
    pid: child.pid ?? -1,
    ready: ready.promise,
    begin: (input) => order({ order: 'begin', input }),
    said,
    result: result.promise,
    stop: () => {
      order({ order: 'stop' });
      return result.promise;
    },
    letGo: () => void (child.connected && child.disconnect()),
    kill: () => void child.kill('SIGKILL'),
  };
}

type Deferred<T> = { readonly promise: Promise<T>; resolve(value: T): void; reject(error: Error): void };

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as Omit<Deferred<T>, 'promise'>) };
}
