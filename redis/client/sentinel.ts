import { Redis, type RedisOptions } from 'ioredis';
import { type SentinelUrl, urlOfMaster } from '../../domain/plan-file/sentinel-url.ts';
import type { ServerUrl } from '../../domain/plan-file/server-url.ts';
import type { TlsMaterial } from '../tls/pem-files.ts';
import { tlsTrouble, type Trouble } from '../tls/tls-trouble.ts';
import { giveId, serverIdOf } from './server-info.ts';
import { answerKind } from './server-answer.ts';
import { because, diagnose, STORE_TLS, StoreUnreachable } from './unreachable.ts';

/** Longest wait to connect to a Sentinel, ms. A Sentinel that is gone must not delay the answers of the others. */
const CONNECT_MS = 1_000;
/** Longest wait for its whole answer, ms. An answer has a few hundred bytes. */
const ANSWER_MS = 10_000;

type Address = { readonly host: string; readonly port: number };

/** Sentinel names another master than at the start of this attempt. The attempt ends, and the next one asks again. */
export class MasterChanged extends Error {
  override readonly name = 'MasterChanged';
  constructor(store: string, shown = 'a failover has taken place, Sentinel names another server as master') {
    super(`store ${store}: ${shown}`);
  }
}

/** For each connection that was opened through Sentinel: checks that Sentinel still names the same master. */
const askers = new WeakMap<Redis, () => Promise<void>>();

/**
 * Opens the master that the Sentinels name. It does not use the Sentinel support of ioredis: after a failover that
 * reconnects by itself, in the middle of a series of commands. Here a failover ends the attempt, and the next attempt
 * asks the Sentinels again.
 *
 * @throws StoreUnreachable
 */
export async function openNamedMaster(
  url: SentinelUrl,
  tls: TlsMaterial | undefined,
  store: string,
  open: (url: ServerUrl) => Promise<Redis>,
  options: RedisOptions,
): Promise<Redis> {
  const ask = () => askSentinels(url, store, { ...options, ...(tls && { tls }) });
  const address = await ask().catch((error: unknown) => explainSilence(error, store, url, tls));
  const redis = await open(urlOfMaster(url, address.host, address.port));
  const [role] = await redis.role();
  if (role !== 'master') {
    redis.disconnect();
    // The server has changed its role, and Sentinel has not noticed it yet.
    throw new StoreUnreachable(store, because('the server that Sentinel names as master is none'));
  }
  const id = serverIdOf(address);
  giveId(redis, id);
  askers.set(redis, async () => {
    if (serverIdOf(await ask()) !== id) throw new MasterChanged(store);
  });
  return redis;
}

const SILENT = 'no Sentinel of the URL answers';

/** Finds out whether the Sentinels are silent because one side speaks TLS and the other does not. */
async function explainSilence(
  error: unknown,
  store: string,
  { sentinels }: SentinelUrl,
  tls: TlsMaterial | undefined,
): Promise<never> {
  const [first] = sentinels;
  if (!(error instanceof StoreUnreachable) || error.reason !== SILENT || !first) throw error;
  const why = await diagnose({ ...first, ...(tls && { tls }) }, error);
  throw why.remedy === '' ? error : new StoreUnreachable(store, why);
}

/**
 * Returns the URL of the master at this moment, for code that handles one server only.
 *
 * @throws StoreUnreachable
 */
export async function urlOfNamedMaster(
  url: SentinelUrl,
  tls: TlsMaterial | undefined,
  store: string,
  options: RedisOptions,
): Promise<ServerUrl> {
  const { host, port } = await askSentinels(url, store, { ...options, ...(tls && { tls }) });
  return urlOfMaster(url, host, port);
}

/**
 * Checks that Sentinel still names this server as the master. A server that was cut off still believes that it is the
 * master, and only Sentinel knows that another server was promoted. Does nothing if the plan's URL names the server.
 *
 * @throws MasterChanged, StoreUnreachable
 */
export async function assertStillNamed(redis: Redis): Promise<void> {
  await askers.get(redis)?.();
}

/**
 * Asks all Sentinels at the same time and takes the answer with the greatest epoch. A Sentinel that was cut off still
 * names the former master, with a smaller epoch.
 */
async function askSentinels(url: SentinelUrl, store: string, options: RedisOptions): Promise<Address> {
  const answers = await Promise.all(url.sentinels.map((one) => askOne(url, one, options)));
  const [newest] = answers
    .filter((one) => one !== null && 'epoch' in one)
    .sort((one, other) => other.epoch - one.epoch);
  if (newest) return newest;
  const [why] = answers.filter((one) => one !== null && 'reason' in one);
  throw new StoreUnreachable(store, why ?? because(SILENT));
}

/**
 * Asks one Sentinel. Returns the address of the master, or why there is none; `null` = the Sentinel did not answer. It
 * asks without a login first, and with the login of the URL if the Sentinel demands one.
 */
async function askOne(
  { username, password, master }: SentinelUrl,
  sentinel: Address,
  options: RedisOptions,
): Promise<(Address & { readonly epoch: number }) | Trouble | null> {
  const waits = { connectTimeout: CONNECT_MS, commandTimeout: ANSWER_MS };
  const shared = { ...options, ...sentinel, ...waits, enableReadyCheck: false };
  try {
    const told = await askMaster(master, shared).catch((error: unknown) => {
      if (!/NOAUTH/.test(messageOf(error)) || password === '') throw error;
      return askMaster(master, { ...shared, ...(username !== '' && { username }), password });
    });
    const of = (field: string) => told[told.indexOf(field) + 1] ?? '';
    return { host: of('ip'), port: Number(of('port')), epoch: Number(of('config-epoch')) };
  } catch (error) {
    return whyNot(error, options);
  }
}

async function askMaster(master: string, options: RedisOptions): Promise<readonly string[]> {
  const redis = new Redis(options);
  let cause: unknown;
  redis.on('error', (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    return (await redis.call('SENTINEL', ['MASTER', master])) as string[];
  } catch (error) {
    // The rejection of a connection says only that it is closed. The error event before it says why.
    throw cause ?? error;
  } finally {
    redis.disconnect();
  }
}

/** Returns `null` when the error does not say more than that the Sentinel did not answer. */
function whyNot(error: unknown, { tls }: RedisOptions): Trouble | null {
  const text = messageOf(error);
  if (/No such master/i.test(text)) return because('Sentinel does not know a master of that name');
  if (answerKind(error) === 'no such command') return because('a server of the URL is no Sentinel');
  if (/NOAUTH|WRONGPASS|NOPERM/.test(text)) return because('the Sentinels want another user or password');
  return tls ? tlsTrouble(error, { names: STORE_TLS, hasCertificate: tls.cert !== undefined }) : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
