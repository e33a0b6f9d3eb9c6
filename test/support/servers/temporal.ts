import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, inject } from 'vitest';
import './temporal-for-all.ts';

export interface TestTemporal {
  /** `host:port` of the server that all test files share. Use ids and task queues of your own. */
  readonly address: string;
  /** Client of the namespace `default`. */
  readonly client: Client;
}

/** Gives a test file the shared dev server. The first file that asks starts it, and the end of the run stops it. */
export function withTemporal(): TestTemporal {
  let running: { address: string; client: Client; connection: Connection } | undefined;
  const now = () => {
    if (running === undefined) throw new Error('the server is there only while tests run');
    return running;
  };
  beforeAll(async () => {
    const address = await sharedTemporalAddress();
    const connection = await Connection.connect({ address });
    running = { address, connection, client: new Client({ connection }) };
  });
  afterAll(() => running?.connection.close());
  return {
    get address() {
      return now().address;
    },
    get client() {
      return now().client;
    },
  };
}

export async function sharedTemporalAddress(): Promise<string> {
  const answer = JSON.parse(await text(connect(inject('temporalDoor'), '127.0.0.1'))) as {
    address?: string;
    problem?: string;
  };
  if (answer.address === undefined) throw new Error(answer.problem);
  return answer.address;
}
