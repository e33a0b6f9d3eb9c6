// Runs in a thread of its own: in the worker's thread the probe would measure our own work, not the server.
import { parentPort, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';

const redis = new Redis(workerData.url, {
  protocol: 2,
  retryStrategy: () => null,
  connectionName: 'jday:impact',
});
redis.on('error', () => {});

parentPort?.on('message', async () => {
  const start = performance.now();
  try {
    await redis.getBuffer(workerData.key);
    parentPort?.postMessage(performance.now() - start);
  } catch {
    parentPort?.postMessage(null);
  }
});
