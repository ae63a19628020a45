// SPDX-License-Identifier: Apache-2.0
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { may, useMe } from '../../ask/me.ts'
import type { AlarmFacts, NodeFacts } from '../../model/nodes.ts'
import { Age } from '../../parts/age.tsx'
import { Button } from '../../parts/button.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Failed } from '../../parts/state.tsx'
import styles from './nodes.module.css'

/** What needs a person. Whoever may, takes note of it; the note is a row of the trail. */
export function Alarms({
  nodes,
  now,
}: {
  readonly nodes: readonly NodeFacts[]
  readonly now: number
}): ReactNode {
  const me = useMe()
  const queries = useQueryClient()
  const alarms = useQuery({
    queryKey: ['alarms'],
    refetchInterval: 10_000,
    queryFn: ({ signal }) => call<{ alarms: readonly AlarmFacts[] }>('/api/v1/alarms', { signal }),
  })
  const acknowledge = useMutation({
    mutationFn: (id: number) => call(`/api/v1/alarms/${id}/acknowledge`, { method: 'POST', body: {} }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['alarms'] }),
  })
  if (alarms.isError) return <Failed error={alarms.error} onRetry={() => void alarms.refetch()} />
  const standing = (alarms.data?.alarms ?? []).filter(({ cleared_at }) => cleared_at === null)
  if (standing.length === 0) return null
  const mayAcknowledge = me.data !== undefined && me.data !== null && may(me.data, 'nodes:manage')
  const names = new Map(nodes.map(({ node_id, source_node_id }) => [node_id, source_node_id]))
  return (
    <section aria-label="Alarms" className={styles['alarms']}>
      <ul>
        {standing.map(
          ({ alarm_id, kind, subject, node_id, raised_at, acknowledged_at, acknowledged_by, detail }) => (
            <li key={alarm_id} className={styles['alarm']} data-noted={acknowledged_at !== null}>
              <strong>{kind.replaceAll('_', ' ')}</strong>
              <span className={styles['subject']}>
                <PlainText>{(node_id === null ? undefined : names.get(node_id)) ?? subject}</PlainText>
              </span>
              <span className={styles['what']}>
                <PlainText>{detail.message}</PlainText>
              </span>
              <span className={styles['soft']}>
                <Age at={raised_at} now={now} />
              </span>
              {acknowledged_at !== null ? (
                <span className={styles['soft']}>
                  noted by <PlainText>{acknowledged_by ?? 'somebody'}</PlainText>
                </span>
              ) : mayAcknowledge ? (
                <Button isDisabled={acknowledge.isPending} onPress={() => acknowledge.mutate(alarm_id)}>
                  Take note
                </Button>
              ) : null}
            </li>
          ),
        )}
      </ul>
      {acknowledge.isError ? <Failed error={acknowledge.error} /> : null}
    </section>
  )
}
