//! Links between nodes: requests, answers and one-way messages over TCP, and word of links that broke.
