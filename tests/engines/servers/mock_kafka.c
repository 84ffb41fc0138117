/*
 * A stand-in for a broker of Kafka: the mock cluster of librdkafka, in memory, as a program. Prints its address
 * in one line, and ends when its input does. A line `down` takes it off the network, with all that it holds, and `up`
 * brings it back; it answers each with the line `done`. A topic is there as soon as somebody asks for it, with four
 * partitions; but for two, by which tests see what a client makes of a refusal.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>

int main(void) {
  char error[512];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, NULL); /* it would say that it has no server to connect to */
  rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (!handle) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, 1);
  if (!cluster) {
    fprintf(stderr, "The cluster has not started\n");
    return 1;
  }
  rd_kafka_mock_topic_set_error(cluster, "missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  rd_kafka_mock_topic_set_error(cluster, "forbidden", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    if (line[0] == 'd') rd_kafka_mock_broker_set_down(cluster, 1);
    else rd_kafka_mock_broker_set_up(cluster, 1);
    printf("done\n");
    fflush(stdout);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(handle);
  return 0;
}
