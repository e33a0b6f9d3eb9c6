// Prints the ten slowest files, each failed test with the first line of its error, then `N passed, N failed`, from vitest's
// own results. A file that could not even be loaded counts as one failure.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, testResults: [] };
  }
}

const results = read(process.argv[2]);
const seconds = ({ startTime, endTime }) => Math.round((endTime - startTime) / 1_000);
const slowest = [...results.testResults].sort((one, other) => seconds(other) - seconds(one)).slice(0, 10);
for (const file of slowest) console.log(`${seconds(file)} s  ${relative(process.cwd(), file.name)}`);

const unloaded = results.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
const firstLine = (text) => String(text ?? '').split('\n', 1)[0];
for (const file of results.testResults) {
  const name = relative(process.cwd(), file.name);
  if (unloaded.includes(file)) console.log(`FAILED ${name}: ${firstLine(file.message)}`);
  for (const { status, fullName, failureMessages } of file.assertionResults)
    if (status === 'failed') console.log(`FAILED ${name} > ${fullName}: ${firstLine(failureMessages[0])}`);
}
console.log(`${results.numPassedTests} passed, ${results.numFailedTests + unloaded.length} failed`);
