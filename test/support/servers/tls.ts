import { join } from 'node:path';
import { freePort } from '../../../servers/free-port.ts';
import { makeTempDir } from '../temp-dir.ts';
import { type Authority, type Certificate, makeAuthority, writePem } from './certificates.ts';

type Files = Required<Record<'ca' | 'cert' | 'key', string>>;

export interface TestTls {
  readonly dir: string;
  readonly authority: Authority;
  /** Paths for `tls` of a store: our CA, and a client certificate that it has signed. */
  readonly files: Files;
  /** Writes a certificate and its key as files, and returns their paths. */
  write(name: string, certificate: Certificate): Certificate;
  /** Issues and writes the certificate of a server; `hosts`: the names that it carries. */
  forServer(name: string, hosts?: readonly string[], dates?: { from: Date; to: Date }): Certificate;
  /**
   * Returns the settings of a server that listens with TLS too, on a port of its own, and demands client certificates.
   * Tests use its other port.
   */
  listener(): Promise<TlsListener>;
}

export type TlsListener = {
  readonly port: number;
  readonly config: Readonly<Record<string, string>>;
  url(login?: { readonly user: string; readonly password: string }, database?: number): string;
};

/** Makes an authority for one test file, with certificates for servers of this machine and for a client. */
export function makeTls(): TestTls {
  const dir = makeTempDir();
  const authority = makeAuthority('CA of the test');
  const { cert: ca } = writePem(dir, 'ca', authority);
  const write = (name: string, certificate: Certificate) => writePem(dir, name, certificate);
  const forServer: TestTls['forServer'] = (name, hosts = ['localhost', '127.0.0.1'], dates) =>
    write(name, authority.issue({ name, hosts, ...dates }));
  const server = forServer('server');
  return {
    dir,
    authority,
    files: { ca, ...write('client', authority.issue({ name: 'jday' })) },
    write,
    forServer,
    listener: async () => {
      const port = await freePort();
      return {
        port,
        config: {
          'tls-port': String(port),
          'tls-ca-cert-file': join(dir, 'ca.crt'),
          'tls-cert-file': server.cert,
          'tls-key-file': server.key,
        },
        url: (login, database = 0) => {
          const before = login ? `${login.user}:${encodeURIComponent(login.password)}@` : '';
          return `rediss://${before}127.0.0.1:${port}/${database}`;
        },
      };
    },
  };
}
