import { Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { startTemporal } from '../../servers/temporal-server.ts';
import { withTempDir } from '../support/temp-dir.ts';
import { withTemporal } from '../support/servers/temporal.ts';

const tmp = withTempDir();
const shared = withTemporal();

it('the server that all test files share serves the namespace default', async () => {
  const { namespaceInfo } = await shared.client.connection.workflowService.describeNamespace({
    namespace: 'default',
  });
  expect(namespaceInfo?.name).toBe('default');
});

it('an embedded Temporal server shows its UI and knows our search attributes when asked to', async () => {
  const server = await startTemporal({ dir: tmp.path, searchAttributes: true });
  try {
    expect((await fetch(`${server.uiUrl}/`)).ok).toBe(true);
    const connection = await Connection.connect({ address: server.address });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    await connection.close();
    expect(Object.keys(customAttributes ?? {})).toEqual(
      expect.arrayContaining(['MigrationPhase', 'MigrationAuthority', 'MigrationDay']),
    );
  } finally {
    await server.stop();
  }
});
