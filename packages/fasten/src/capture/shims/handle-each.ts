// SPDX-License-Identifier: Apache-2.0
import { endWith, type MessageRow } from '../carriers/message-row.ts'
import { runWithContext, type RequestContext } from '../context.ts'

/**
 * `for await (const message of messages)` with each turn run as what its message asks for, one message at a time. Resolves when there are no
 * more; what `work` throws or rejects with ends the loop, closes the iterator and rejects the promise, as in a `for await`.
 *
 * A plain `for await` cannot be given a context for each turn: its body belongs to the function around it. Entering a context from inside the
 * iterator would seem to work, and leak into whatever that function does after the loop.
 */
export async function handleEach<Message>(
  messages: AsyncIterable<Message>,
  work: (message: Message) => unknown,
  contextOf: (message: Message) => RequestContext,
  begin: (message: Message, context: RequestContext) => MessageRow | undefined,
): Promise<void> {
  for await (const message of messages) {
    const context = contextOf(message)
    const row = begin(message, context)
    await runWithContext(context, () => endWith(row, async () => work(message)))
  }
}
