// The entries that simd_ops.h, simd_attention.h, simd_product.h and simd_winograd.h implement.
INLINE void fill_simd(struct kernels *table) {
    table->add_scaled = add_scaled_simd;
    table->affine = affine_simd;
    table->epilogue = epilogue_simd;
    table->epilogue_u8 = epilogue_u8_simd;
    table->geglu = geglu_simd;
    table->column_statistics = column_statistics_simd;
    table->scale_shift = scale_shift_simd;
    table->layer_norm = layer_norm_simd;
    table->pack_columns = pack_columns_simd;
    table->softmax_tile = softmax_tile_simd;
    table->merge_tile = merge_tile_simd;
    table->finish_tile = finish_tile_simd;
    table->product_f32 = product_f32_simd;
    table->product_bf16 = product_bf16_simd;
    table->range = range_simd;
    table->winograd4_filter = winograd4_filter_simd;
    table->winograd4_scatter = winograd4_scatter_simd;
    table->winograd4_gather = winograd4_gather_simd;
    table->winograd6_filter = winograd6_filter_simd;
    table->winograd6_scatter = winograd6_scatter_simd;
    table->winograd6_gather = winograd6_gather_simd;
}
