import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Order } from './processes/serve.ts';

/** A process of the bench: apart from it, so that its CPU, its memory and its event loop are its own. */
export type BenchProcess<Input, Said, Result> = {
  readonly pid: number;
  /** Its code is loaded: what follows is the work and nothing else. */
  readonly ready: Promise<void>;
  begin(input: Input): void;
  /** Everything it said so far, oldest first. */
  readonly said: readonly Said[];
  /** What it returned; its failure, or that it was killed, rejects. */
  readonly result: Promise<Result>;
  stop(): Promise<Result>;
  /** Lets it end in order, which writes a profile. */
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
  // Whoever does not wait for an end must not be killed by a failure that somebody else reports.
  ready.promise.catch(() => undefined);
  result.promise.catch(() => undefined);
  child.on('message', (answer: Answer<Said, Result>) => {
    if (answer.kind === 'ready') ready.resolve();
    else if (answer.kind === 'said') said.push(answer.said);
    else if (answer.kind === 'done') result.resolve(answer.result);
    else result.reject(new Error(`${program}: ${answer.reason}`));
  });
  child.once('exit', () => {
    ready.reject(new Error(`${program} ended before it was ready`));
    result.reject(new Error(`${program} ended without a result`));
  });
  const order = (one: Order<Input>) => void (child.connected && child.send(one));
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
