import { interpolate, splitUrls, UnsetVariable } from '../plan/environment.ts';
import { isSentinelUrl, parseSentinelUrl, type SentinelUrl } from './sentinel-url.ts';
import { isUrlProblem, parseServerUrl, type ServerUrl, type UrlProblem } from './server-url.ts';

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

type Environment = Readonly<Record<string, string | undefined>>;

/** What the URL of a store says: the Sentinels that know its server, or servers. Only a cluster has more than one. */
export type StoreUrl = SentinelUrl | { readonly servers: readonly ServerUrl[]; readonly tls: boolean };

/**
 * Parses the URL of a store, with every reference filled in. `cluster`: the URLs of several nodes may stand there with
 * commas between, which all say the same about TLS.
 */
export function parseStoreUrl(text: string, cluster: boolean): StoreUrl | UrlProblem {
  if (isSentinelUrl(text)) {
    if (!cluster) return parseSentinelUrl(text.trim());
    return { expected: 'redis:// URLs of nodes: a cluster needs no Sentinel', found: 'a Sentinel URL' };
  }
  const texts = splitUrls(text.trim());
  if (!cluster && texts.length > 1)
    return {
      expected: 'one URL; several are those of nodes of a cluster (`cluster: true`)',
      found: 'several',
    };
  const parsed = texts.map(parseServerUrl);
  const problem = parsed.find(isUrlProblem);
  if (problem) return problem;
  const servers = parsed.filter((one): one is ServerUrl => !isUrlProblem(one));
  const tls = servers.some((server) => server.tls);
  if (tls && servers.some((server) => !server.tls))
    return { expected: 'redis:// in all URLs of a cluster, or rediss:// in all', found: 'both' };
  return { servers, tls };
}

/**
 * Returns what is wrong with the URL reference of a store; `null` when nothing is. The function fills in the URL for
 * the check only. The answer contains no part of it, so that no password reaches an error. The reference of a cluster
 * may hold several URLs.
 */
export function storeUrlProblem(
  reference: string,
  environment: Environment,
  cluster = false,
): UrlProblem | null {
  const literal = literalPasswordProblem(reference, cluster);
  if (literal !== null) return literal;
  const url = readStoreUrl(reference, environment, cluster);
  return isUrlProblem(url) ? url : null;
}

/** Returns whether the URL of a store says TLS; `null` when it cannot be read. */
export function saysTls(reference: string, environment: Environment, cluster: boolean): boolean | null {
  const url = readStoreUrl(reference, environment, cluster);
  return isUrlProblem(url) ? null : url.tls;
}

function readStoreUrl(reference: string, environment: Environment, cluster: boolean): StoreUrl | UrlProblem {
  if (withDefaults(reference).includes('${'))
    return { expected: '${NAME} or ${NAME:-default}', found: 'an unclosed ${' };
  try {
    return parseStoreUrl(interpolate(withoutSecrets(reference, environment), environment), cluster);
  } catch (error) {
    if (!(error instanceof UnsetVariable)) throw error;
    return unset(error.variable);
  }
}

/** Returns a reference as it is without an environment. */
function withDefaults(reference: string): string {
  return reference.replace(REFERENCE, (_whole, _name, fallback?: string) => fallback ?? '');
}

/** Returns what is wrong when a reference holds a password that is no `${NAME}`; `null` = it holds none. */
export function literalPasswordProblem(reference: string, cluster = false): UrlProblem | null {
  const written = withDefaults(reference);
  if (!(cluster ? splitUrls(written) : [written]).some(hasPassword)) return null;
  return {
    expected: 'the password as ${NAME}, because everybody who sees the history sees the plan',
    found: 'a literal password',
  };
}

export function unset(variable: string): UrlProblem {
  return {
    expected: `${variable} in the environment, or a default as in \${${variable}:-default}`,
    found: `${variable} not set`,
  };
}

/** Only workers need users and passwords, so a variable in that part of the URL may be unset here. */
function withoutSecrets(reference: string, environment: Environment): string {
  const userAndPassword = /^rediss?(?:\+sentinel)?:\/\/.*@/.exec(reference)?.[0] ?? '';
  const filled = userAndPassword.replace(REFERENCE, (whole, name: string, fallback?: string) =>
    environment[name] || fallback !== undefined ? whole : 'unset',
  );
  return filled + reference.slice(userAndPassword.length);
}

function hasPassword(url: string): boolean {
  const [, userAndPassword] = /^[a-z+]+:\/\/(.*)@/i.exec(url) ?? [];
  return /:./.test(userAndPassword ?? '') || /[?&]password=[^&]/i.test(url);
}
