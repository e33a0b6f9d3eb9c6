type Close = () => Promise<unknown> | unknown;

/** Remembers how to stop everything that was started. It stops the newest first, whatever happened in between. */
export type Closing = {
  /** Registers a way to stop something. After `close` it is stopped at once. */
  add(close: Close): void;
  /** Stops everything. When one of them fails to stop, the others are stopped all the same. */
  close(): Promise<void>;
};

export function createClosing(): Closing {
  const open: Close[] = [];
  let closed = false;
  const end = async (close: Close) => void (await Promise.allSettled([(async () => close())()]));
  return {
    add: (close) => {
      if (closed) void end(close);
      else open.push(close);
    },
    close: async () => {
      closed = true;
      for (let close = open.pop(); close; close = open.pop()) await end(close);
    },
  };
}
