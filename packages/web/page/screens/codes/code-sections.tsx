// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { useMe } from '../../ask/me.ts'
import {
  unexplained,
  type CodeCounts,
  type CodeLine,
  type CodeSection,
  type CodeView,
} from '../../model/codes.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { Table } from '../../parts/table.tsx'
import { CodeRow } from './code-row.tsx'
import styles from './codes.module.css'

const columns = [
  { name: 'Code', width: 'code' },
  { name: 'What it means' },
  { name: 'Severity', width: 'word' },
  { name: 'Retention class', width: 'word', isNamed: true },
  { name: 'Seen', isNumber: true },
  { name: 'Not successful', isNumber: true },
] as const

/** The catalogue, domain by domain. */
export function CodeSections({
  sections,
  view,
  counts,
}: {
  readonly sections: readonly CodeSection[]
  readonly view: CodeView
  readonly counts: CodeCounts | undefined
}): ReactNode {
  const variable = useMe().data?.kind === 'local' ? 'FASTEN_CODES' : 'FLEET_CODES'
  return sections.map(({ domain, lines }) => (
    <section key={domain} aria-label={domain === unexplained ? 'Not explained' : domain}>
      <h2 className={styles['heading']}>
        {domain === unexplained ? 'Not explained' : <PlainText>{domain}</PlainText>}
        <span className={styles['count']}>{lines.length}</span>
      </h2>
      {domain === unexplained ? (
        <p className={styles['about']}>
          Services emit these, and nobody told this server what they mean: name their{' '}
          <code>*.codes.yaml</code> in <code>{variable}</code>.
        </p>
      ) : null}
      <Table
        label={domain === unexplained ? 'Codes that are not explained' : `Codes of ${domain}`}
        columns={columns}
      >
        {lines.map((line: CodeLine) => (
          <CodeRow key={line.code} line={line} view={view} counts={counts} />
        ))}
      </Table>
    </section>
  ))
}
