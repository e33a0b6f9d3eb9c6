import type { Socket } from 'node:net';
import { nodesOf } from '../cluster/routed-redis.ts';
import type { Connections, Lines } from './connections.ts';

/** Bytes that the connections to one side have moved. */
export function bytesOf({ data, large, tracker, subscriber }: Lines): { read: number; written: number } {
  const streams = [data, large, tracker, subscriber]
    .flatMap(nodesOf)
    .map(({ redis }) => redis.stream as Socket | null);
  return {
    read: streams.reduce((sum, stream) => sum + (stream?.bytesRead ?? 0), 0),
    written: streams.reduce((sum, stream) => sum + (stream?.bytesWritten ?? 0), 0),
  };
}

/** All of them, both sides and both ways. */
export function trafficOf(lines: Connections): number {
  const [source, target] = [bytesOf(lines.source), bytesOf(lines.target)];
  return source.read + source.written + target.read + target.written;
}
