// SPDX-License-Identifier: Apache-2.0

/** Which rows told of the approval of which tool call, while this process remembers. */
export interface ApprovalRefs {
  requested(callRef: string | undefined, row: string | undefined): void
  granted(callRef: string | undefined, row: string | undefined): void
  requestOf(callRef: string | undefined): string | undefined
  grantOf(callRef: string | undefined): string | undefined
}

/** Calls that are remembered at once; the oldest are forgotten first. */
const refsMax = 10_000

/** A reference that was used for two requests (they are the provider's to choose) means neither. */
export function createApprovalRefs(): ApprovalRefs {
  const requests = new Map<string, string | undefined>()
  const grants = new Map<string, string | undefined>()
  const note = (
    map: Map<string, string | undefined>,
    callRef: string | undefined,
    row: string | undefined,
  ): void => {
    if (callRef === undefined || row === undefined) return
    const [oldest] = map.keys()
    if (map.size >= refsMax && oldest !== undefined) map.delete(oldest)
    map.set(callRef, map.has(callRef) ? undefined : row)
  }
  const find = (map: Map<string, string | undefined>, callRef: string | undefined): string | undefined =>
    callRef === undefined ? undefined : map.get(callRef)
  return {
    requested: (callRef, row) => note(requests, callRef, row),
    granted: (callRef, row) => note(grants, callRef, row),
    requestOf: (callRef) => find(requests, callRef),
    grantOf: (callRef) => find(grants, callRef),
  }
}
