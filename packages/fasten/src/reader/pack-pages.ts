// SPDX-License-Identifier: Apache-2.0
import type { PackedLog } from './evidence-pack.ts'

/** What stands in a pack for people: how to check it, and what checking cannot show. Source: spec/pack.md. */
export function packReadme(logs: readonly PackedLog[]): string {
  const told = logs.map(
    ({ log, rows, anchored }) =>
      `  ${log}\n    ${rows} rows, ${anchored === null ? 'no checkpoint' : `checkpoint over the first ${anchored} rows`}\n`,
  )
  return `Evidence pack of fasten

${told.join('')}
To check it, with Node.js 20 or newer and no network:

  node verify.mjs . --key KEY

KEY is the key of a log, a line like  name+1a2b3c4d+AYqI...  Ask whoever runs
the system for it by another way than this pack came by, once for each log, and
give --key for each; or put them into a file, a key a line (fasten key show
prints it), and give its name instead. If witnesses have to confirm, write down which in a policy
file of your own and add --policy FILE. policy.example shows the form; it came
with the pack, so nothing in it is a reason to believe anything.

Better still, use a verify.mjs that you got elsewhere: the one in here was put
here by whoever made the pack. A second program, written apart from it, is
verify.py of the same project.

PASS means: every row shown is in the log that the key's owner signed for,
unchanged; in a range, none is left out; what has expired or was erased was
said to be so by the log itself. FAIL names what is wrong. INCOMPLETE means
that nothing is wrong and not enough is proven; it says why.

No program can see from here: an event that was never recorded, a record that
was untrue when it was made, rows newer than the checkpoint.

  rows.jsonl     the rows, each the very bytes that were hashed
  logs.json      which logs, how long, and which range of them
  hashes/        the hashes of a range, and those around it
  proofs/        for single rows, from the row to the checkpoint
  checkpoints/   size and root of a log, signed
`
}

/** A policy file to copy from; everything in it is commented out, so that nobody uses it by mistake. */
export function packPolicy(logs: readonly PackedLog[]): string {
  const lines = logs.map(({ log }) => `# log ${log}+........+...`)
  return `# NOT TRUSTED: this file came with the pack. Write your own, with keys that you got elsewhere.
#
${lines.join('\n')}
# witness one witness.example.org+........+...
# witness two witness.example.com+........+...
# group enough 1 one two
# quorum enough
`
}
