// Counts the checks of one conformance run, and fails unless every one of them passed.
//
// usage: node conformance-summary.cjs REVISION RESULTS_DIR OUTPUT_FILE
'use strict';
const fs = require('fs');
const path = require('path');

const [revision, results, output] = process.argv.slice(2);

// Skipped by the suite itself, whatever a server does: the check is not written yet.
const UNWRITTEN = new Set(['tasks-status-notifications']);

// Notes that say nothing against a server: what was sent and received, and that an answer came as JSON instead of a stream
// (2025-11-25 basic/transports leaves that to the server). Any other note means that a check did not take place.
const NOTES = /^(incoming-|outgoing-|stream-closed$|server-sse-streams-functional$)/;

const folders = fs.existsSync(results) ? fs.readdirSync(results).sort() : [];
const counts = { SUCCESS: 0, FAILURE: 0, WARNING: 0, SKIPPED: 0, INFO: 0 };
const problems = [];
for (const folder of folders) {
    const scenario = folder.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, '');
    const checks = JSON.parse(fs.readFileSync(path.join(results, folder, 'checks.json'), 'utf8'));
    if (checks.length === 0) problems.push(`${scenario}: no checks`);
    for (const check of checks) {
        counts[check.status] = (counts[check.status] ?? 0) + 1;
        const passed = check.status === 'SUCCESS' || (check.status === 'INFO' && NOTES.test(check.id));
        const unwritten = check.status === 'SKIPPED' && UNWRITTEN.has(check.id);
        if (!passed && !unwritten) {
            problems.push(`${scenario}: ${check.id}: ${check.status}: ${check.errorMessage ?? check.description}`);
        }
    }
}

// A scenario that broke leaves no results behind: what was begun must be there.
const text = fs.readFileSync(output, 'utf8');
const begun = new Set([...text.matchAll(/^=== Running scenario: (\S+) ===$/gm)].map((match) => match[1]));
if (begun.size === 0) problems.push(`the suite ran nothing:\n${text}`);
if (begun.size !== folders.length) problems.push(`${begun.size} scenarios began, ${folders.length} left results`);

const total = counts.SUCCESS + counts.FAILURE + counts.WARNING + counts.SKIPPED;
console.log(
    `${revision}: ${folders.length} scenarios, ${counts.SUCCESS} of ${total} checks passed, ` +
        `${counts.FAILURE} failed, ${counts.WARNING} warnings, ${counts.SKIPPED} skipped`
);
for (const problem of problems) console.log(`  ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
