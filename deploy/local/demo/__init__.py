"""A demonstration: ten synthetic intakes, and agencies' systems that answer what came of them, over Kafka alone."""
