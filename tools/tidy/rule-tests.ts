// SPDX-License-Identifier: Apache-2.0
import { blank } from './blank.ts'
import { isTest, lineAt, type Finding, type Tree } from './tree.ts'

/** What makes a test hold on a quick machine only. */
export function steady(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (!isTest(path) || path.startsWith('tools/tidy')) continue
    const code = blank(text, ['comments'])
    for (const match of code.matchAll(/\bnew DatabaseSync\((?!':memory:')(?!.*\btimeout: )/g))
      findings.push({
        path,
        line: lineAt(text, match.index),
        message:
          '`new DatabaseSync`: does not wait for a lock that a drainer holds; use openBeside (store/sqlite/fixtures/beside.ts), or say `timeout`',
      })
  }
  return findings
}
