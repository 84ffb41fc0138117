/** How many messages of a topic a group has not committed, by an `Admin` of `kafkajs`. */
// deno-lint-ignore no-explicit-any -- its own types are compared in types/
export async function kafkaLag(admin: any, groupId: string, topic: string): Promise<number> {
  const ends: { high: string }[] = await admin.fetchTopicOffsets(topic);
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const done: { offset: string }[] = partitions; // -1 where nothing was committed
  return ends.reduce((sum, { high }) => sum + Number(high), 0) -
    done.reduce((sum, { offset }) => sum + Math.max(Number(offset), 0), 0);
}
