/*
 * A Kafka broker in memory: librdkafka's mock cluster, which one can take down and up.
 * Prints where it is; takes commands on its standard input, and answers each with 0 when it is done. Ends with
 * that input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

int main(void) {
  char error[512], line[256], name[128];
  int n;
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof error);
  if (!client) return puts(error), 1;
  rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(client, 1);
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(mock));
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "down %d", &n) == 1) printf("%d\n", rd_kafka_mock_broker_set_down(mock, n));
    else if (sscanf(line, "up %d", &n) == 1) printf("%d\n", rd_kafka_mock_broker_set_up(mock, n));
    else if (sscanf(line, "topic %127s %d", name, &n) == 2) printf("%d\n", rd_kafka_mock_topic_create(mock, name, n, 1));
    else puts("?");
    fflush(stdout);
  }
  rd_kafka_mock_cluster_destroy(mock);
  rd_kafka_destroy(client);
}
