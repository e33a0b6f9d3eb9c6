const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Interruption = {
  readonly signal: AbortSignal;
  /** Resolves when somebody pressed Ctrl-C or asked the process to end. */
  readonly asked: Promise<void>;
  /** Gives the signals back: the next Ctrl-C ends the process as usual. */
  forget(): void;
};

export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  for (const name of SIGNALS) process.once(name, interrupt);
  return {
    signal: controller.signal,
    asked: new Promise((resolve) =>
      controller.signal.addEventListener('abort', () => resolve(), { once: true }),
    ),
    forget: () => {
      for (const name of SIGNALS) process.off(name, interrupt);
    },
  };
}
