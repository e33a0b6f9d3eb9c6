import type { Redis } from 'ioredis';

/** A node as another one tells of it, whatever it does in the cluster: master, replica, master without slots. */
export type Member = { readonly id: string; readonly host: string; readonly port: number };

/** `id ip:port@bus[,hostname] flags …`; the address of the node that is asked may lack its own host. */
const LINE = /^(\S+) (\S*):(\d+)(?:@\d+)?(?:,([^\s,=]+)(?=[\s,]))?\S* (\S+) /gm;

/** Every node that the cluster does not hold for dead. */
export async function readMembers(redis: Redis): Promise<readonly Member[]> {
  const told = String(await redis.call('CLUSTER', ['NODES']));
  return [...told.matchAll(LINE)]
    .filter(([, , , , , flags = '']) => !/fail|noaddr|handshake/.test(flags))
    .map(([, id = '', ip = '', port, hostname]) => ({
      id,
      host: hostname ?? (ip || (redis.options.host ?? '')),
      port: Number(port),
    }));
}
