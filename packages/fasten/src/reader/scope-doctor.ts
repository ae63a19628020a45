// SPDX-License-Identifier: Apache-2.0
import { streams } from '../core/row.ts'
import { checkChain } from './chain-check.ts'
import type { DoctorReport, Reader } from './reader.ts'

/** The report as one tenant may see it: its own rows and logs, nothing that counts other tenants along. */
export async function doctorOfScope(
  whole: DoctorReport,
  scoped: Reader,
  tenant: string,
): Promise<DoctorReport> {
  const { store } = whole
  if (!store.reachable)
    return narrowed(
      whole,
      tenant,
      { ...store, rows: null, last_insert_at: null, last_error: 'the store cannot be reached' },
      whole.chain,
    )
  const pages = await Promise.all(
    streams.map((stream) => scoped.page({ stream, filter: {}, limit: 1, order: 'newest', total: 'exact' })),
  )
  const newest = pages
    .flatMap(({ rows }) => rows.map(({ timestamp }) => timestamp))
    .sort()
    .at(-1)
  const rows = pages.reduce<number | null>(
    (sum, { total }) => (sum === null || total === null ? null : sum + total),
    0,
  )
  return narrowed(
    whole,
    tenant,
    { ...store, rows, last_insert_at: newest ?? null, last_error: null },
    await checkChain(scoped, whole.chain.last_verified_at ?? newest ?? ''),
  )
}

function narrowed(
  whole: DoctorReport,
  tenant: string,
  store: DoctorReport['store'],
  chain: DoctorReport['chain'],
): DoctorReport {
  return {
    store,
    queue: null,
    transport: {
      stdout_active: whole.transport.stdout_active,
      syslog_ring_depth: null,
      api_ring_depth: null,
    },
    redactor: whole.redactor,
    init: { tenant_id: tenant },
    chain: store.reachable
      ? chain
      : {
          verified: 0,
          breaks: null,
          first_break_at: null,
          reason: 'the store cannot be reached',
          last_verified_at: null,
        },
  }
}
