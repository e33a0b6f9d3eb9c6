import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openTemporal } from '../../client/migrations.ts';
import { connectTemporal } from '../../workers/temporal.ts';
import { makeAuthority } from '../support/servers/certificates.ts';
import { jday, jdayProcess } from '../support/processes/jday.ts';
import { withTemporal } from '../support/servers/temporal.ts';
import { makeTls } from '../support/servers/tls.ts';
import type { Certificate } from '../support/servers/certificates.ts';

const temporal = withTemporal();
const tls = makeTls();
const { files } = tls;
const server = tls.forServer('temporal');
const ofAnotherName = tls.forServer('another', ['temporal.internal']);
const stranger = tls.write('stranger', makeAuthority('CA of a stranger')).cert;
const ended: Server[] = [];
afterAll(() => {
  for (const one of ended) one.close();
});

/** The dev server speaks no TLS. This door in front of it does, as a load balancer of a real Temporal. */
async function door({ cert, key }: Certificate, more: TlsOptions = {}): Promise<string> {
  const [host = '', port] = temporal.address.split(':');
  const options = { cert: readFileSync(cert), key: readFileSync(key), ALPNProtocols: ['h2'], ...more };
  const open = createServer(options, (visitor) => {
    const behind = connect(Number(port), host);
    for (const [one, other] of [
      [visitor, behind],
      [behind, visitor],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  open.on('tlsClientError', () => undefined);
  ended.push(open);
  await new Promise<void>((resolve) => open.listen(0, '127.0.0.1', resolve));
  const address = open.address();
  return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

const CONFIGURED_NOWHERE = { TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml' };
const mutual = () => door(server, { requestCert: true, ca: readFileSync(files.ca) });
const CA = { TEMPORAL_TLS_SERVER_CA_CERT_PATH: files.ca };
const PAIR = { TEMPORAL_TLS_CLIENT_CERT_PATH: files.cert, TEMPORAL_TLS_CLIENT_KEY_PATH: files.key };

describe('a Temporal that demands TLS and client certificates', () => {
  it('is found by the standard variables', async () => {
    const { connection } = await openTemporal({ TEMPORAL_ADDRESS: await mutual(), ...CA, ...PAIR });
    expect((await connection.workflowService.getSystemInfo({})).serverVersion).toMatch(/^\d/);
    await connection.close();
  });
});

type Case = readonly [
  what: string,
  address: () => Promise<string> | string,
  environment: Readonly<Record<string, string>>,
  sentence: string,
];

const CASES: readonly Case[] = [
  [
    'a plain port',
    () => temporal.address,
    { TEMPORAL_TLS: 'true' },
    'the port does not speak TLS. Correct the port, or write TEMPORAL_TLS=false.',
  ],
  [
    'a port that speaks TLS, without a word of TLS in the settings',
    () => door(server),
    {},
    'the port speaks TLS. Set TEMPORAL_TLS=true, or correct the port.',
  ],
  [
    'a CA that is not known',
    () => door(server),
    { TEMPORAL_TLS_SERVER_CA_CERT_PATH: stranger },
    'the server’s certificate comes from a CA that we do not know. Name in TEMPORAL_TLS_SERVER_CA_CERT_PATH the certificate of the CA that signed the server’s.',
  ],
  [
    'a certificate for another name',
    () => door(ofAnotherName),
    CA,
    'the server’s certificate is not for the name 127.0.0.1. Write in TEMPORAL_TLS_SERVER_NAME a name that the certificate carries, or give the server one for 127.0.0.1.',
  ],
  [
    'no client certificate where one is demanded',
    mutual,
    CA,
    'the server demands a certificate of ours. Name our certificate in TEMPORAL_TLS_CLIENT_CERT_PATH and its key in TEMPORAL_TLS_CLIENT_KEY_PATH.',
  ],
];

describe('jday and TLS of Temporal', () => {
  it.concurrent.each(CASES)(
    'say in one sentence what is wrong: %s',
    async (_what, address, environment, sentence) => {
      const env = { TEMPORAL_ADDRESS: await address(), ...environment };
      const expected = `Temporal cannot be used at ${env.TEMPORAL_ADDRESS}: ${sentence}\n`;
      const asked = await jday(['progress'], { env });
      expect([asked.code, asked.stdout, asked.stderr]).toEqual([1, '', expected]);
      await expect(connectTemporal({ ...CONFIGURED_NOWHERE, ...env })).rejects.toThrow(expected.trimEnd());
    },
  );

  it('say it as processes too: a worker', async () => {
    const env = { TEMPORAL_ADDRESS: await door(server) };
    const worker = await jdayProcess(['worker', '--metrics-port', '0'], { env });
    expect(worker.code).toBe(1);
    expect(worker.stderr).toMatch(/^Temporal cannot be used at \S+: the port speaks TLS\. .*\n$/);
  });

  const notPem = join(tls.dir, 'not-pem');
  writeFileSync(notPem, 'nothing\n');
  const GONE = '/nonexistent/temporal.crt';
  it.each([
    [
      { ...PAIR, TEMPORAL_TLS_CLIENT_CERT_PATH: GONE },
      `TEMPORAL_TLS_CLIENT_CERT_PATH names ${GONE}, and there is no such file. Correct TEMPORAL_TLS_CLIENT_CERT_PATH, or put the file there, on the machine that connects.`,
    ],
    [
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: notPem },
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH holds no certificate as PEM. Name a file in which a block begins with -----BEGIN CERTIFICATE-----.',
    ],
    [
      { TEMPORAL_TLS_CLIENT_CERT_PATH: files.cert },
      'TEMPORAL_TLS_CLIENT_CERT_PATH is set and TEMPORAL_TLS_CLIENT_KEY_PATH is not: set both, or neither.',
    ],
    [
      { TEMPORAL_TLS: 'yes' },
      'TEMPORAL_TLS: expected true or false, found something else, which the libraries take for false.',
    ],
  ])('refuse settings that would do something else: %j', async (environment, sentence) => {
    const env = { TEMPORAL_ADDRESS: temporal.address, ...environment };
    const asked = await jday(['progress'], { env });
    expect([asked.code, asked.stdout, asked.stderr]).toEqual([2, '', `${sentence}\n`]);
    await expect(connectTemporal({ ...CONFIGURED_NOWHERE, ...env })).rejects.toThrow(sentence);
  });

  it('take an empty variable for one that is not set', async () => {
    const env = { TEMPORAL_ADDRESS: await mutual(), TEMPORAL_TLS: '', ...CA, ...PAIR };
    const { connection } = await openTemporal(env);
    await connection.close();
  });
});
