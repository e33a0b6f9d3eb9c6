import type { Redis } from 'ioredis';

export type Client = {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly command: string;
};

/** Who is connected to a server, as CLIENT LIST says it. */
export async function eachClient(redis: Redis): Promise<readonly Client[]> {
  const lines = String(await redis.call('CLIENT', ['LIST'])).split('\n');
  return lines.filter((line) => line !== '').map(clientOf);
}

function clientOf(line: string): Client {
  const told = new Map(
    line.split(' ').map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
  const of = (name: string) => told.get(name) ?? '';
  return { id: of('id'), name: of('name'), user: of('user'), command: of('cmd') };
}
