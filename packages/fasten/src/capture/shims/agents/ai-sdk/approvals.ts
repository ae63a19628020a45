// SPDX-License-Identifier: Apache-2.0
import type { Agents } from '../agents.ts'
import type { Decision } from '../approval.ts'
import { defaultAgents } from '../default-agents.ts'

interface Part {
  readonly type?: unknown
  readonly approvalId?: unknown
  readonly toolCallId?: unknown
  readonly toolName?: unknown
  readonly approved?: unknown
  readonly reason?: unknown
}

/**
 * Rows APPROVAL_GRANTED and APPROVAL_DENIED for what a person answered: call it with the messages that are about to be sent, once for each round of answers, and
 * with whom you authenticated. Only answers in the last message count; those before it were told of before. Answers how many rows that made.
 */
export function recordApprovals(
  messages: readonly { readonly role: string; readonly content: unknown }[],
  { by, agents }: Pick<Decision, 'by'> & { readonly agents?: Agents },
): number {
  const { approval } = agents ?? defaultAgents()
  const parts = messages.flatMap(({ content }) => partsOf(content))
  const answers = partsOf(messages.at(-1)?.content).filter(({ type }) => type === 'tool-approval-response')
  for (const { approvalId, approved, reason } of answers) {
    const asked = parts.find(
      (part) => part.type === 'tool-approval-request' && part.approvalId === approvalId,
    )
    const call = parts.find((part) => part.type === 'tool-call' && part.toolCallId === asked?.toolCallId)
    const decision = {
      by,
      tool: typeof call?.toolName === 'string' ? call.toolName : 'unknown',
      ...(typeof asked?.toolCallId === 'string' ? { callRef: asked.toolCallId } : {}),
      ...(typeof reason === 'string' ? { reason } : {}),
    }
    if (approved === true) approval.grant(decision)
    else approval.deny(decision)
  }
  return answers.length
}

const partsOf = (content: unknown): readonly Part[] =>
  Array.isArray(content) ? (content as readonly Part[]) : []
