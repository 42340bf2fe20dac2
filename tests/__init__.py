"""The tests. They mirror src/; tests/real holds what runs against parts that are not ours."""
