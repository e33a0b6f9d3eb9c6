// Prints `N passed, N failed` from vitest's own results; a file that could not even be loaded counts as one failure.
import { readFileSync } from 'node:fs';

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, testResults: [] };
  }
}

const results = read(process.argv[2]);
const unloaded = results.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
console.log(`${results.numPassedTests} passed, ${results.numFailedTests + unloaded.length} failed`);
